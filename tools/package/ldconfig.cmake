# Run at the end of `install`: the loader finds a new library in the system's folders only after ldconfig. What is
# installed for a package, or elsewhere, does not concern it.
if("$ENV{DESTDIR}" STREQUAL "" AND CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?$")
  execute_process(COMMAND ldconfig RESULT_VARIABLE ignored OUTPUT_QUIET ERROR_QUIET)
endif()
