//! Every illegal order of steps as a program that does not compile, with the error it gets, and its legal twin, which differs in one
//! line: see `tests/`.
