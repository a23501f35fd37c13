//! Each illegal order of steps is a program that does not compile, with its expected error, next to a legal twin that differs in one line:
//! see `tests/`.
