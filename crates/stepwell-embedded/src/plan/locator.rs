//! Finds the position in a statement that a message is about, if the planner does not give one.

use datafusion_sql::sqlparser::{
    keywords::Keyword,
    tokenizer::{Location, Span, Token, TokenWithSpan},
};
use stepwell_arroyo::SqlDiagnostic;

use super::diagnostic::token_span;

/// The tokens of a statement, with their positions.
#[derive(Clone, Debug)]
pub(super) struct Locator {
    /// Without whitespace and comments.
    tokens: Vec<TokenWithSpan>,
}

impl Locator {
    pub(super) fn new(tokens: &[TokenWithSpan]) -> Self {
        let is_space = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
        Self {
            tokens: tokens.iter().filter(is_space).cloned().collect(),
        }
    }

    /// The first token.
    pub(super) fn start(&self) -> Span {
        self.tokens
            .first()
            .map_or(Span::empty(), |token| token.span)
    }

    /// The position after the last token.
    pub(super) fn end(&self) -> Span {
        let end = self
            .tokens
            .last()
            .map_or(Location::empty(), |token| token.span.end);
        Span::new(end, end)
    }

    /// The token that begins at a position.
    pub(super) fn at(&self, line: u64, column: u64) -> Option<&Token> {
        let is_there = |token: &&TokenWithSpan| token.span.start == Location::new(line, column);
        self.tokens.iter().find(is_there).map(|token| &token.token)
    }

    /// Gives each diagnostic a position: that of the name or value that its message quotes, of the function or keyword that it names, or
    /// the start of the statement.
    pub(super) fn fill(&self, errors: Vec<SqlDiagnostic>) -> Vec<SqlDiagnostic> {
        let filled = errors.into_iter().map(|mut error| {
            if error.span.is_none() {
                let place = self.find(&error.message).unwrap_or_else(|| self.start());
                error.span = token_span(place);
            }
            error
        });
        filled.collect()
    }

    fn find(&self, message: &str) -> Option<Span> {
        if message.starts_with("the condition ") {
            return self.condition(message);
        }
        if message.ends_with(" has no fields") {
            return self.field();
        }
        quoted(message)
            .find_map(|name| self.named(name))
            .or_else(|| self.called(message))
            .or_else(|| self.operator(message))
            .or_else(|| self.keyword(message))
    }

    /// A name, a literal, or `f(…)`.
    fn named(&self, name: &str) -> Option<Span> {
        let is_literal = |token: &Token| match token {
            Token::SingleQuotedString(text)
            | Token::HexStringLiteral(text)
            | Token::Number(text, _) => text == name,
            Token::Word(_) => false,
            // An operator.
            other => other.to_string() == name,
        };
        if let Some(literal) = self.tokens.iter().find(|token| is_literal(&token.token)) {
            return Some(literal.span);
        }
        if let Some((function, _)) = name.split_once('(') {
            return self.call(function);
        }
        let mut parts = name.rsplit('.');
        let (last, before) = (parts.next()?, parts.next());
        let found = |table: Option<&str>| {
            self.tokens.iter().enumerate().find(|(index, token)| {
                is_word(&token.token, last)
                    && table.is_none_or(|table| {
                        let token = index
                            .checked_sub(2)
                            .and_then(|before| self.tokens.get(before));
                        token.is_some_and(|token| is_word(&token.token, table))
                    })
            })
        };
        found(before)
            .or_else(|| found(None))
            .map(|(_, token)| token.span)
    }

    fn call(&self, function: &str) -> Option<Span> {
        // Functions with a syntax of their own in SQL have other names in the planner.
        let syntax = match function {
            "strpos" => "position",
            "substr" => "substring",
            "btrim" => "trim",
            function => function,
        };
        let mut pairs = self.tokens.iter().zip(self.tokens.iter().skip(1));
        pairs
            .find(|(name, next)| {
                let is_named = is_word(&name.token, function) || is_word(&name.token, syntax);
                is_named && next.token == Token::LParen
            })
            .map(|(name, _)| name.span)
    }

    /// The function that the message names as `f()`.
    fn called(&self, message: &str) -> Option<Span> {
        let mut names = message
            .match_indices("()")
            .map(|(end, _)| message[..end].rsplit(|c: char| !is_of_name(c)).next());
        names.find_map(|name| self.call(name.unwrap_or_default()))
    }

    /// The operator between two types: `operation TIMESTAMP + TIMESTAMP`.
    fn operator(&self, message: &str) -> Option<Span> {
        let (_, operation) = message.split_once(" operation ")?;
        let mut words = operation
            .split_whitespace()
            .filter(|word| !word.chars().any(is_of_name));
        words.find_map(|word| {
            let token = self
                .tokens
                .iter()
                .find(|token| token.token.to_string() == word);
            token.map(|token| token.span)
        })
    }

    /// The first upper-case word of the message that is in the statement.
    fn keyword(&self, message: &str) -> Option<Span> {
        let mut words = message
            .split(|c: char| !is_of_name(c))
            .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()));
        words.find_map(|word| {
            let is_it = |token: &&TokenWithSpan| {
                matches!(&token.token, Token::Word(found) if found.keyword != Keyword::NoKeyword)
                    && is_word(&token.token, word)
            };
            self.tokens.iter().find(is_it).map(|token| token.span)
        })
    }

    /// The condition of a WHERE or HAVING, preferably one that begins with what the message names.
    fn condition(&self, message: &str) -> Option<Span> {
        let pairs = self.tokens.iter().zip(self.tokens.iter().skip(1));
        let conditions: Vec<_> = pairs
            .filter(|(word, _)| is_word(&word.token, "WHERE") || is_word(&word.token, "HAVING"))
            .map(|(_, next)| next)
            .collect();
        let is_named = |token: &&&TokenWithSpan| {
            let text = token.token.to_string();
            let mut words = message.split(|c: char| c.is_whitespace() || matches!(c, '.' | '('));
            words.any(|word| word.eq_ignore_ascii_case(&text))
        };
        let named = conditions.iter().find(is_named);
        named.or(conditions.first()).map(|token| token.span)
    }

    /// The token before `['…']` or `.….`.
    fn field(&self) -> Option<Span> {
        let access = |wanted: Token| {
            let place = self.tokens.iter().position(|token| token.token == wanted)?;
            self.tokens
                .get(place.checked_sub(1)?)
                .map(|token| token.span)
        };
        access(Token::LBracket).or_else(|| access(Token::Period))
    }
}

fn is_word(token: &Token, name: &str) -> bool {
    matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name))
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The quoted parts of a message. An apostrophe is not a quote.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    let mut rest = message;
    std::iter::from_fn(move || {
        loop {
            let open = rest.find(['\'', '"', '`'])?;
            let quote = rest[open..].chars().next()?;
            let is_apostrophe = rest[..open].ends_with(char::is_alphanumeric);
            let inside = &rest[open + 1..];
            match inside.find(quote) {
                Some(end) if !is_apostrophe => {
                    rest = &inside[end + 1..];
                    return Some(&inside[..end]);
                }
                _ => rest = inside,
            }
        }
    })
}
