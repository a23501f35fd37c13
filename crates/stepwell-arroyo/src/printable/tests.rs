use super::*;

#[test]
fn control_characters_and_turns_of_direction_are_left_out() {
    let text = "\u{1b}[31mred\u{7}\r\n\tnext\u{202E}drow\u{85}\u{9b}1m\0";
    assert_eq!(lines(text, 100), "[31mred\n\tnextdrow1m");
    assert_eq!(line(text, 100), "[31mred nextdrow 1m");
}

#[test]
fn what_is_too_long_is_cut_with_the_ellipsis_counted() {
    assert_eq!(lines("abcdef", 6), "abcdef");
    assert_eq!(lines("abcdefg", 6), "abc…");
    // Never within a character.
    for bytes in 3..40 {
        let cut = lines(&"🍐".repeat(10), bytes);
        assert!(cut.len() <= bytes, "{bytes}: {cut}");
    }
    assert_eq!(line("ab  cd", 5), "ab cd");
    assert_eq!(line("ab\r\n cde", 5), "ab cd…");
    assert_eq!(line(&"ä".repeat(300), 200).chars().count(), 201);
}

#[test]
fn nothing_is_made_of_nothing() {
    assert_eq!(lines(" \n\u{7} ", 10), "");
    assert_eq!(line(" \n\u{7} ", 10), "");
}
