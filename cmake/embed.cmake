# hpawalk_embed(TARGET NAMESPACE [ROOT folder] FILE...): the files' bytes inside the binary.
# Generates a source that defines `const std::map<std::string_view, std::string_view>& NAMESPACE::embedded_files()`,
# keyed by each file's path below ROOT (the calling folder). The caller declares that function in a header of its own.
function(hpawalk_embed target namespace)
  cmake_parse_arguments(embed "" "ROOT" "" ${ARGN})
  if(NOT embed_ROOT)
    set(embed_ROOT ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  set(files ${embed_UNPARSED_ARGUMENTS})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded.cpp)
  set(depends ${files})
  list(TRANSFORM depends PREPEND ${embed_ROOT}/)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DNAMESPACE=${namespace} "-DFILES=${files}"
            -DROOT=${embed_ROOT} -P ${PROJECT_SOURCE_DIR}/cmake/embed_script.cmake
    DEPENDS ${depends} ${PROJECT_SOURCE_DIR}/cmake/embed_script.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
