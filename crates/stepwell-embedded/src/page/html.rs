//! Writes HTML. Every text goes through [`escape`]; only the functions of this file write markup.

use std::fmt::Write as _;

/// A page being written. It has no styles and scripts, so that a text browser shows it as well as any other.
#[derive(Debug)]
pub(super) struct Html(String);

/// The content of a table cell, or the description of a term.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Text(String),
    /// A path of this server, and the text of the link.
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
    /// Begins a page. The title is also its heading.
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

    /// A text with its line ends preserved.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.element("pre", text);
    }

    pub(super) fn link(&mut self, to: &str, text: &str) {
        self.write("<p>");
        self.cell(&Cell::Link(to.to_owned(), text.to_owned()));
        self.write("</p>\n");
    }

    /// A list of terms and their descriptions.
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
        // Writing to a string cannot fail.
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

/// Escapes a text for use between tags and in a quoted attribute.
///
/// html-escape escapes the markup. It keeps characters that a terminal may obey or that reverse the direction of writing, so those are
/// replaced first: a text browser would pass them on and mislead the reader.
pub(super) fn escape(text: &str) -> String {
    let visible = text.replace(is_misleading, "\u{FFFD}");
    html_escape::encode_quoted_attribute(&visible).into_owned()
}

fn is_misleading(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        character => character.is_control(),
    }
}

/// Percent-encodes a text as one segment of a path.
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
            "&lt;/pre&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;y&quot;"
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
