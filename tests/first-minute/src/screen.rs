//! A terminal emulator, as far as progress lines need it.

/// All lines, including those that a real terminal would have scrolled away.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// The beginning of an incomplete character or control sequence.
    pending: Vec<u8>,
}

impl Screen {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.pending) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.pending.len(),
        };
        let bytes: Vec<u8> = self.pending.drain(..whole).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut rest = text.as_str();
        while let Some(sign) = rest.chars().next() {
            let after = &rest[sign.len_utf8()..];
            rest = match (sign, after.strip_prefix('[')) {
                ('\u{1b}', Some(sequence)) => {
                    let Some(end) = sequence.find(|sign: char| ('@'..='~').contains(&sign)) else {
                        break;
                    };
                    self.control(&sequence[..end], sequence.as_bytes()[end]);
                    &sequence[end + 1..]
                }
                ('\u{1b}', None) if after.is_empty() => break,
                _ => {
                    self.put(sign);
                    after
                }
            };
        }
        self.pending.splice(..0, rest.bytes());
    }

    fn put(&mut self, sign: char) {
        match sign {
            '\n' => self.row += 1,
            '\r' => self.column = 0,
            '\u{8}' => self.column = self.column.saturating_sub(1),
            sign if sign.is_control() => {}
            sign => {
                let column = self.column;
                let line = self.line();
                if line.len() <= column {
                    line.resize(column + 1, ' ');
                }
                line[column] = sign;
                self.column += 1;
            }
        }
    }

    fn line(&mut self) -> &mut Vec<char> {
        if self.lines.len() <= self.row {
            self.lines.resize_with(self.row + 1, Vec::new);
        }
        &mut self.lines[self.row]
    }

    /// Applies a control sequence. Colours and the shape of the cursor are ignored.
    fn control(&mut self, parameters: &str, what: u8) {
        let number = parameters.parse().unwrap_or(0);
        let count = number.max(1);
        match what {
            b'A' => self.row = self.row.saturating_sub(count),
            b'B' => self.row += count,
            b'C' => self.column += count,
            b'D' => self.column = self.column.saturating_sub(count),
            b'G' => self.column = count - 1,
            b'K' => {
                let column = self.column;
                match number {
                    0 => self.line().truncate(column),
                    1 => self
                        .line()
                        .iter_mut()
                        .take(column + 1)
                        .for_each(|sign| *sign = ' '),
                    _ => self.line().clear(),
                }
            }
            b'J' => {
                let (row, column) = (self.row, self.column);
                self.line().truncate(column);
                self.lines.truncate(row + 1);
            }
            _ => {}
        }
    }

    /// The lines, without trailing blanks.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.lines.iter();
        lines
            .map(|line| line.iter().collect::<String>().trim_end().to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> Vec<String> {
        let mut screen = Screen::default();
        for piece in pieces {
            screen.write(piece);
        }
        screen.lines()
    }

    #[test]
    fn a_line_that_is_drawn_again_is_one_line() {
        let spinner =
            "\u{2839} connect\r\u{1b}[2K\u{1b}[32m\u{2713}\u{1b}[0m connect (1 ms)\r\nnext\r\n";
        assert_eq!(
            shown(&[spinner.as_bytes()]),
            ["\u{2713} connect (1 ms)", "next"]
        );
        // It can be split anywhere.
        let (one, other) = spinner.as_bytes().split_at(13);
        for at in 0..spinner.len() {
            let (one, other) = spinner.as_bytes().split_at(at);
            assert_eq!(shown(&[one, other]).len(), 2, "{at}");
        }
        assert_eq!(shown(&[one, other])[1], "next");
    }

    #[test]
    fn what_is_above_can_be_drawn_again() {
        let shown = shown(&[b"one\r\ntwo\r\n\x1b[2A\x1b[Jthree\r\n"]);
        assert_eq!(shown, ["three"]);
    }
}
