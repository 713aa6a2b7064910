# Finds LibTorch and defines LibTorch::cpu (c10, torch_cpu). Looked for, in this order:
#   -DLIBTORCH=DIR or the environment variable LIBTORCH (a folder with include/ and lib/)
#   .deps/libtorch/torch beside the checkout (where scripts/setup.sh unpacks the wheel)
#
# LibTorch's own find_package(Torch) is not used: with the CUDA build of the wheel it stops with an
# error on a machine without a CUDA toolkit.
set(LIBTORCH "$ENV{LIBTORCH}" CACHE PATH "Folder of LibTorch (with include/ and lib/)")
if(LIBTORCH)
  set(_libtorch_candidates ${LIBTORCH} ${LIBTORCH}/torch ${LIBTORCH}/libtorch)
else()
  set(_libtorch_candidates ${PROJECT_SOURCE_DIR}/.deps/libtorch/torch)
endif()

set(LibTorch_ROOT_DIR "")
foreach(_dir IN LISTS _libtorch_candidates)
  if(EXISTS ${_dir}/include/ATen/ATen.h AND EXISTS ${_dir}/lib/libtorch_cpu.so)
    set(LibTorch_ROOT_DIR ${_dir})
    break()
  endif()
endforeach()

if(LibTorch_ROOT_DIR AND EXISTS ${LibTorch_ROOT_DIR}/version.py)
  file(STRINGS ${LibTorch_ROOT_DIR}/version.py _line REGEX "^__version__")
  string(REGEX REPLACE ".*'([^']+)'.*" "\\1" LibTorch_VERSION "${_line}")
elseif(LibTorch_ROOT_DIR AND EXISTS ${LibTorch_ROOT_DIR}/build-version)
  file(READ ${LibTorch_ROOT_DIR}/build-version LibTorch_VERSION)
  string(STRIP "${LibTorch_VERSION}" LibTorch_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_ROOT_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup.sh, or give a folder: -DLIBTORCH=DIR")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::cpu INTERFACE IMPORTED)
  target_include_directories(LibTorch::cpu SYSTEM INTERFACE
    ${LibTorch_ROOT_DIR}/include ${LibTorch_ROOT_DIR}/include/torch/csrc/api/include)
  # The wheel's libraries find one another by their own run paths; what they need of CUDA is resolved
  # at run time only, hence --allow-shlib-undefined.
  target_link_libraries(LibTorch::cpu INTERFACE
    ${LibTorch_ROOT_DIR}/lib/libtorch_cpu.so ${LibTorch_ROOT_DIR}/lib/libc10.so)
  target_link_options(LibTorch::cpu INTERFACE
    -Wl,--allow-shlib-undefined -Wl,-rpath,${LibTorch_ROOT_DIR}/lib)
endif()
