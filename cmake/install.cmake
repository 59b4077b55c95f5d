# `cmake --install build/release --prefix /usr/local`: the program, also as a kubectl plugin with its completion, the
# completions of the shells, the manual pages (where help2man is installed), and the documents that a package carries.
include(GNUInstallDirs)

set(made ${CMAKE_BINARY_DIR}/install)  # what is made by running the program
set(shells bash zsh fish)
set(completions)
foreach(shell IN LISTS shells)
  add_custom_command(
    OUTPUT ${made}/completion.${shell}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
    COMMAND hpawalk completion ${shell} > ${made}/completion.${shell}
    DEPENDS hpawalk
    VERBATIM)
  list(APPEND completions ${made}/completion.${shell})
endforeach()
add_custom_target(completions ALL DEPENDS ${completions})

find_program(HELP2MAN help2man)
if(HELP2MAN)
  add_custom_command(
    OUTPUT ${made}/man/hpawalk.1
    COMMAND ${PROJECT_SOURCE_DIR}/scripts/manuals ${made}/man ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:hpawalk>
    DEPENDS hpawalk ${PROJECT_SOURCE_DIR}/scripts/manuals
    COMMENT "The manual pages"
    VERBATIM)
  add_custom_target(manuals ALL DEPENDS ${made}/man/hpawalk.1)
  install(DIRECTORY ${made}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

install(TARGETS hpawalk RUNTIME)
install(PROGRAMS ${PROJECT_SOURCE_DIR}/packaging/kubectl_complete-hpawalk TYPE BIN)
install(CODE "
  set(folder \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  file(CREATE_LINK hpawalk \"\${folder}/kubectl-hpawalk\" SYMBOLIC)
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/kubectl-hpawalk\")")
install(FILES ${made}/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME hpawalk)
install(FILES ${made}/completion.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _hpawalk)
install(FILES ${made}/completion.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME hpawalk.fish)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md TYPE DOC)
