# Writes texts into one C++ include file, a row {"name", text} each:
#   cmake -DOUT=FILE -DDIR=FOLDER -DNAMES=a,b -DEXTENSION=md -P this
string(REPLACE "," ";" _names "${NAMES}")
set(_rows "")
foreach(_name IN LISTS _names)
  file(READ ${DIR}/${_name}.${EXTENSION} _text)
  if(_text MATCHES "\\)text\"")
    message(FATAL_ERROR "${DIR}/${_name}.${EXTENSION} holds the end mark of a raw string")
  endif()
  string(APPEND _rows "{\"${_name}\", R\"text(${_text})text\"},\n")
endforeach()
file(WRITE ${OUT} "${_rows}")
