//! Illegal orders do not compile, and the error names what is missing; their legal twins compile.

#[test]
fn illegal_orders_do_not_compile_and_legal_ones_do() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/illegal/*.rs");
    cases.pass("tests/legal/*.rs");
}
