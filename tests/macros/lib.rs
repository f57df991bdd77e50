//! Small programs that use the macros, wrongly and rightly: the test `ui` has the compiler read them.
