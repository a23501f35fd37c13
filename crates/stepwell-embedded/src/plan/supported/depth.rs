//! An upper bound for the depth of a query's tree, from its tokens alone.
//!
//! The parser limits its own recursion, but builds chains (`a OR b OR …`) of any length in a loop. Planning and evaluation recurse into
//! them, the latter on stacks whose size is not ours to choose. A stack overflow ends the process, and every pipeline in it.

use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use stepwell_arroyo::{SqlDiagnostic, SqlLocation, SqlSpan};

use super::refusal::Refusal;

/// The greatest depth. Twice as much can still be evaluated by an unoptimised build on a stack of 2 MB.
const LIMIT: usize = 256;

/// The refusal of a query where it becomes too deep. Queries with invalid tokens are left to the parser.
pub(in crate::plan) fn too_deep(query: &str) -> Option<SqlDiagnostic> {
    let tokens = Tokenizer::new(&GenericDialect {}, query)
        .tokenize_with_location()
        .ok()?;
    let mut depth = Depth::default();
    let mut before = None;
    for TokenWithSpan { token, span } in tokens {
        if matches!(token, Token::Whitespace(_)) {
            continue;
        }
        depth.take_in(&token, before.as_ref());
        if depth.is_too_deep() {
            let location = |line, column| SqlLocation::new(line, column);
            let place = SqlSpan::new(
                location(span.start.line, span.start.column),
                location(span.end.line, span.end.column),
            );
            return Some(Refusal::TooDeep { most: LIMIT }.unplaced().at(place));
        }
        before = Some(token);
    }
    None
}

/// How much can be around the current token.
#[derive(Debug, Default)]
struct Depth {
    /// Tables of `WITH`, each of which can contain the one before.
    tables: usize,
    /// Operators since the last comma, outside all brackets.
    outside: usize,
    /// The same inside each open bracket.
    brackets: Vec<usize>,
    /// The sum of all these.
    sum: usize,
}

impl Depth {
    fn is_too_deep(&self) -> bool {
        self.tables + self.sum + self.brackets.len() > LIMIT
    }

    fn take_in(&mut self, token: &Token, before: Option<&Token>) {
        match token {
            Token::SemiColon => *self = Self::default(),
            Token::Comma => self.set(0),
            Token::LParen | Token::LBracket | Token::LBrace => {
                if is_keyword(before, &[Keyword::AS]) {
                    self.tables += 1;
                }
                self.brackets.push(0);
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                self.set(0);
                self.brackets.pop();
            }
            token if is_operator(token) => {
                self.set(self.brackets.last().unwrap_or(&self.outside) + 1);
            }
            _ => {}
        }
    }

    fn set(&mut self, operators: usize) {
        let current = self.brackets.last_mut().unwrap_or(&mut self.outside);
        self.sum = self.sum - *current + operators;
        *current = operators;
    }
}

fn is_operator(token: &Token) -> bool {
    use Keyword::{
        AND, AT, BETWEEN, COLLATE, DIV, EXCEPT, ILIKE, IN, INTERSECT, IS, JOIN, LIKE, MINUS, NOT,
        NOTNULL, OR, REGEXP, RLIKE, SIMILAR, UNION, XOR,
    };
    let words = [
        AND, AT, BETWEEN, COLLATE, DIV, EXCEPT, ILIKE, IN, INTERSECT, IS, JOIN, LIKE, MINUS, NOT,
        NOTNULL, OR, REGEXP, RLIKE, SIMILAR, UNION, XOR,
    ];
    match token {
        Token::Word(_) => is_keyword(Some(token), &words),
        Token::EOF
        | Token::Number(..)
        | Token::Char(_)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::Placeholder(_)
        | Token::Period => false,
        // The rest are operators, and rare kinds of literals, which do not form chains.
        _ => true,
    }
}

fn is_keyword(token: Option<&Token>, keywords: &[Keyword]) -> bool {
    matches!(token, Some(Token::Word(word)) if keywords.contains(&word.keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_all_kinds_are_measured() {
        let chains: [fn(usize) -> String; 9] = [
            |length| format!("SELECT {}1 FROM t", "1 + ".repeat(length)),
            |length| format!("SELECT a FROM t WHERE {}c", "b OR ".repeat(length)),
            |length| {
                format!(
                    "SELECT {}1{} FROM t",
                    "(".repeat(length),
                    ")".repeat(length)
                )
            },
            |length| {
                format!(
                    "SELECT {}1{} FROM t",
                    "f(0, 1 + ".repeat(length / 2),
                    ")".repeat(length / 2)
                )
            },
            |length| format!("SELECT a{} FROM t", "::INT".repeat(length)),
            |length| format!("SELECT a{} FROM t", " IS NULL".repeat(length)),
            |length| format!("SELECT 1{}", " UNION SELECT 1".repeat(length)),
            |length| format!("SELECT 1 FROM t{}", " JOIN t".repeat(length)),
            |length| {
                let tables: Vec<_> = (1..length)
                    .map(|index| format!("t{index} AS (SELECT 1 FROM t{})", index - 1))
                    .collect();
                format!("WITH {} SELECT 1", tables.join(", "))
            },
        ];
        for chain in chains {
            assert_eq!(too_deep(&chain(LIMIT - 2)), None, "{}", chain(3));
            let refusal = too_deep(&chain(LIMIT + 5)).unwrap();
            assert!(
                refusal.span.is_some() && refusal.message.contains("256"),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn long_lists_are_not_deep() {
        let list: Vec<_> = (0..10_000)
            .map(|number| format!("a + {number} * 2"))
            .collect();
        let list = list.join(", ");
        assert_eq!(
            too_deep(&format!(
                "SELECT {list} FROM t WHERE a IN ({list}); SELECT {list} FROM t"
            )),
            None
        );
        let cases = "WHEN a = 1 THEN 'x + y OR z' ".repeat(100);
        assert_eq!(
            too_deep(&format!("SELECT CASE {cases} END AS b FROM t")),
            None
        );
        // Invalid tokens are left to the parser.
        assert_eq!(too_deep("SELECT 'open"), None);
    }
}
