# Run by cpack after it has installed into its staging folder: strips, compresses the manual pages, and adds what
# only Debian's packages have. cpack's own ways to depend on libraries come with scripts that call ldconfig.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()

# run COMMAND...: what it prints is in `output`.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${CPACK_TEMPORARY_DIRECTORY} RESULT_VARIABLE code
    OUTPUT_VARIABLE printed OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "This failed: ${ARGN}\nPackages need dpkg-dev and binutils: sh tools/package.sh deb installs them.")
  endif()
  set(output "${printed}" PARENT_SCOPE)
endfunction()

run(dpkg-architecture -qDEB_HOST_MULTIARCH)
if(NOT CPACK_CEN_LIBDIR STREQUAL "lib/${output}")
  message(FATAL_ERROR "A package of Debian has its library in lib/${output}, but this build installs into "
    "${CPACK_CEN_LIBDIR}. Configure with -DCMAKE_INSTALL_PREFIX=/usr, or run: sh tools/package.sh deb")
endif()

# The license, in the form of a copyright file.
file(READ ${CPACK_CEN_SOURCE}/LICENSE license)
string(REGEX MATCH "Copyright \\(c\\) ([^\n]*)\n\n(.*)" license "${license}")
set(holder "${CMAKE_MATCH_1}")
string(STRIP "${CMAKE_MATCH_2}" terms)
string(REPLACE "\n\n" "\n.\n" terms "${terms}")
string(REPLACE "\n" "\n " terms "${terms}")

file(WRITE ${CPACK_TEMPORARY_DIRECTORY}/debian/control "Source: any\n\nPackage: any\nArchitecture: any\n")
foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} COMPONENT)
  set(usr ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr)
  set(documents ${usr}/share/doc/${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME})
  file(WRITE ${documents}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: libcenterloss

Files: *
Copyright: ${holder}
License: Expat
 ${terms}
")
  configure_file(${CPACK_CEN_SOURCE}/tools/package/changelog ${documents}/changelog.Debian COPYONLY)
  run(find ${usr} -type d -exec chmod 755 {} +) # at any umask
  run(find ${usr}/share -type f -exec chmod 644 {} +)
  file(GLOB pages ${usr}/share/man/man*/*)
  run(gzip -9n ${documents}/changelog.Debian ${pages})
  if(EXISTS ${usr}/share/zsh/site-functions) # which is the administrator's in Debian
    file(RENAME ${usr}/share/zsh/site-functions ${usr}/share/zsh/vendor-completions)
  endif()
  file(GLOB binaries ${usr}/bin/* ${usr}/${CPACK_CEN_LIBDIR}/*.so.*.*)
  file(GLOB archives ${usr}/${CPACK_CEN_LIBDIR}/*.a)
  if(binaries)
    run(strip -R .comment -R .note ${binaries})
    run(dpkg-shlibdeps -O ${binaries})
    string(REPLACE "shlibs:Depends=" "" CPACK_DEBIAN_${COMPONENT}_PACKAGE_DEPENDS "${output}")
  endif()
  if(archives)
    run(strip --strip-debug -R .comment -R .note ${archives})
  endif()
endforeach()

set(control ${CPACK_TEMPORARY_DIRECTORY}/control)
file(WRITE ${control}/triggers "activate-noawait ldconfig\n")
file(WRITE ${control}/shlibs "libcenterloss 0 libcenterloss0 (>= ${CPACK_PACKAGE_VERSION})\n")
run(chmod 644 ${control}/triggers ${control}/shlibs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${control}/triggers ${control}/shlibs)
