# For HPAWALK_STATIC: the same targets and headers, but archives instead of shared libraries, so that everything is compiled
# as otherwise. HPAWALK_LIBRARIES is where `scripts/static-libraries` put what the distribution has not as an archive, or
# not in a form that can be linked.
set(HPAWALK_LIBRARIES "" CACHE PATH "The folder of scripts/static-libraries")
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)

# static_archive(TARGET NAME): TARGET, an imported library, is libNAME.a.
function(static_archive target name)
  find_library(${name}_archive ${name} PATHS ${HPAWALK_LIBRARIES}/lib NO_CMAKE_FIND_ROOT_PATH NO_DEFAULT_PATH)
  find_library(${name}_archive ${name} REQUIRED)
  set_target_properties(${target} PROPERTIES IMPORTED_CONFIGURATIONS ""
                        IMPORTED_LOCATION ${${name}_archive} IMPORTED_LOCATION_RELEASE ${${name}_archive})
endfunction()
static_archive(fmt::fmt fmt)
static_archive(yaml-cpp yaml-cpp)
static_archive(CURL::libcurl curl)
unset(RE2_LIBRARY CACHE)
find_library(RE2_LIBRARY re2 REQUIRED)
foreach(name cares ssl crypto z)  # what libcurl.a needs, in the order of linking
  find_library(${name}_archive ${name} REQUIRED)
  target_link_libraries(CURL::libcurl INTERFACE ${${name}_archive})
endforeach()

# --no-warnings: for the remark about getaddrinfo, which OpenSSL mentions and hpawalk never calls.
set(CMAKE_EXE_LINKER_FLAGS_RELEASE "-static-pie -s -Wl,-z,relro,-z,now -Wl,--no-warnings")
