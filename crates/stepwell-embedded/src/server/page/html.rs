//! Writing HTML: every text goes through [`escape`], and the structure is that of this file's functions.

use std::fmt::Write as _;

/// A page as it is written. Without styles and scripts, so that a browser in a terminal shows it as well as any other.
#[derive(Debug)]
pub(super) struct Html(String);

/// What stands in a cell of a table, or beside a term.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Text(String),
    /// To a path of this server, and with what text.
    Link(String, String),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Html {
    /// A page with its title, which is its heading too.
    pub(super) fn new(title: &str) -> Self {
        let title = escape(title);
        Self(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} - stepwell</title>\n</head>\n\
             <body>\n<h1>{title}</h1>\n"
        ))
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.element("h2", text);
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.element("p", text);
    }

    /// A text as it is, with its line ends.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.element("pre", text);
    }

    pub(super) fn link(&mut self, to: &str, text: &str) {
        self.write("<p>");
        self.cell(&Cell::Link(to.to_owned(), text.to_owned()));
        self.write("</p>\n");
    }

    /// Terms, each with what there is to say of it.
    pub(super) fn terms(&mut self, terms: &[(&str, Cell)]) {
        self.write("<dl>\n");
        for (term, cell) in terms {
            self.write("<dt>");
            self.write(&escape(term));
            self.write("</dt><dd>");
            self.cell(cell);
            self.write("</dd>\n");
        }
        self.write("</dl>\n");
    }

    pub(super) fn table<const COLUMNS: usize>(
        &mut self,
        heads: [&str; COLUMNS],
        rows: impl IntoIterator<Item = [Cell; COLUMNS]>,
    ) {
        self.write("<table border=\"1\">\n<tr>");
        for head in heads {
            self.write("<th>");
            self.write(&escape(head));
            self.write("</th>");
        }
        self.write("</tr>\n");
        for row in rows {
            self.write("<tr>");
            for cell in &row {
                self.write("<td>");
                self.cell(cell);
                self.write("</td>");
            }
            self.write("</tr>\n");
        }
        self.write("</table>\n");
    }

    pub(super) fn end(mut self) -> String {
        self.write("</body>\n</html>\n");
        self.0
    }

    fn element(&mut self, name: &str, text: &str) {
        // A string takes all that is written to it.
        let _ = writeln!(self.0, "<{name}>{}</{name}>", escape(text));
    }

    fn cell(&mut self, cell: &Cell) {
        match cell {
            Cell::Text(text) => self.write(&escape(text)),
            Cell::Link(to, text) => {
                let _ = write!(self.0, "<a href=\"{}\">{}</a>", escape(to), escape(text));
            }
        }
    }

    fn write(&mut self, markup: &str) {
        self.0.push_str(markup);
    }
}

/// The text so that it is one, between tags and in a value in quotes. What is not shown, or turns the direction of writing, is
/// replaced by a mark: a terminal may obey it, and a reader be misled.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            character if character.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            character => escaped.push(character),
        }
    }
    escaped
}

/// The text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(
            escape("</pre><script>alert('x')</script> & \"y\""),
            "&lt;/pre&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"
        );
        assert_eq!(escape("a\tb\nc päron 🦀"), "a\tb\nc päron 🦀");
        assert_eq!(
            escape("\u{1b}[31m\0\r\u{202e}\u{9b}"),
            "\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn a_segment_is_one_whatever_is_in_it() {
        assert_eq!(segment("pl_aPfTVLdeeM-1.~"), "pl_aPfTVLdeeM-1.~");
        assert_eq!(segment("a/b ?#%\"ä"), "a%2Fb%20%3F%23%25%22%C3%A4");
    }

    #[test]
    fn cells_are_escaped_in_every_place() {
        let mut html = Html::new("<t>");
        html.terms(&[("<k>", "<v>".into())]);
        html.table(
            ["<h>"],
            [[Cell::Link("/\"><x>".to_owned(), "<l>".to_owned())]],
        );
        html.heading("<2>");
        html.paragraph("<p>");
        html.verbatim("<q>");
        html.link("/<a>", "<b>");
        let text = html.end();
        for part in ["t", "k", "v", "x", "l", "2", "q"] {
            assert!(!text.contains(&format!("<{part}>")), "{part} in {text}");
            assert!(
                text.contains(&format!("&lt;{part}&gt;")),
                "{part} in {text}"
            );
        }
    }
}
