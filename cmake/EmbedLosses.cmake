# Writes candidate/losses/*.py into one C++ include file: cmake -DOUT=FILE -DDIR=FOLDER -DNAMES=a,b -P this.
# Each text starts with two comment lines: what it is, and where it is from.
string(REPLACE "," ";" _names "${NAMES}")
set(_rows "")
foreach(_name IN LISTS _names)
  file(READ ${DIR}/${_name}.py _text)
  if(NOT _text MATCHES "^# ([^\n]+)\n# ([^\n]+)\n")
    message(FATAL_ERROR "${DIR}/${_name}.py must start with two comment lines: help, source")
  endif()
  set(_help "${CMAKE_MATCH_1}")
  set(_source "${CMAKE_MATCH_2}")
  string(APPEND _rows "{\"${_name}\", R\"py(${_source})py\", R\"py(${_help})py\",\n R\"py(${_text})py\"},\n")
endforeach()
file(WRITE ${OUT} "${_rows}")
