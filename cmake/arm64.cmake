# Compiles for linux/arm64 on another Debian: its cross compiler, and the libraries that `scripts/static-libraries arm64`
# unpacked. What the build runs of its own (to print completions) runs in qemu.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)

get_filename_component(arm64_libraries ${CMAKE_CURRENT_LIST_DIR}/../build/libraries/arm64 ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH ${arm64_libraries})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
include_directories(SYSTEM ${arm64_libraries}/usr/include ${arm64_libraries}/usr/include/aarch64-linux-gnu)
