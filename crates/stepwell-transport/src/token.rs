use std::{fmt, str::FromStr};

use http::HeaderValue;
use snafu::{OptionExt, ResultExt, Snafu, ensure};

/// An API token, sent as `Authorization: Bearer …`. `Debug` does not show it, and there is no `Display`.
///
/// ```
/// use stepwell_transport::Token;
///
/// let token: Token = "s3cret\n".parse()?;
/// assert_eq!(format!("{token:?}"), "Token(…)");
/// # Ok::<(), stepwell_transport::TokenError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token(HeaderValue);

const SCHEME: &str = "Bearer ";

/// Why a text is not a token. The message never shows the text.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum TokenError {
    /// The text is empty.
    #[snafu(display("the token is empty"))]
    Empty,
    /// The text has a character that no header can carry: inner white space, a control character, or one outside ASCII.
    #[snafu(display(
        "the token has a character that no HTTP header can carry; is it the right file?"
    ))]
    Illegal,
    /// The token file could not be read.
    #[snafu(display("could not read the token from {}", path.display()))]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Token {
    /// Creates a token from this text, without the surrounding white space.
    ///
    /// # Errors
    ///
    /// Fails if the text is empty or cannot be sent in a header.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        ensure!(!text.is_empty(), EmptySnafu);
        ensure!(
            text.bytes().all(|byte| byte.is_ascii_graphic()),
            IllegalSnafu
        );
        let mut value = HeaderValue::from_str(&format!("{SCHEME}{text}"))
            .ok()
            .context(IllegalSnafu)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Reads the token from a file, without the surrounding white space and without the leading byte order mark that some editors write.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or if [`Token::new`] rejects its text.
    pub fn from_file(path: impl Into<std::path::PathBuf>) -> Result<Self, TokenError> {
        let path = path.into();
        let text = std::fs::read_to_string(&path).context(UnreadableSnafu { path })?;
        Self::new(text.trim_start_matches('\u{feff}'))
    }

    /// Replaces every occurrence of the token in the text with `instead`.
    ///
    /// ```
    /// # use stepwell_transport::Token;
    /// let token = Token::new("s3cret")?;
    /// assert_eq!(token.hide_in("no s3cret here", "***"), "no *** here");
    /// # Ok::<(), stepwell_transport::TokenError>(())
    /// ```
    pub fn hide_in(&self, text: &str, instead: &str) -> String {
        // The token was created from text, so the conversion cannot fail.
        match self
            .0
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix(SCHEME))
        {
            Some(token) => text.replace(token, instead),
            None => text.to_owned(),
        }
    }

    /// The value of the `Authorization` header, marked sensitive. A real Arroyo requires the scheme to be spelled `Bearer` (recording
    /// `907_auth_lowercase_bearer`).
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::new(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}
