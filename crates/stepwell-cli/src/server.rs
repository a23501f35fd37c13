//! The transport to the server that is given on the command line.

use std::path::{Path, PathBuf};

use snafu::{OptionExt, ResultExt};
use stepwell::{
    HyperTransport, SharedTransport, Transport as _, arroyo::Endpoint, transport::Token,
};

use crate::{
    arguments::Connection,
    failure::{Failure, NoServerSnafu, ServerSnafu, TokenSnafu, TransportSnafu, UsageSnafu},
};

/// The environment variable with the token, if no file is given.
const TOKEN: &str = "STEPWELL_TOKEN";

impl Connection {
    /// Builds the transport to `--server`; `None` without a server.
    pub(crate) fn transport(&self) -> Result<Option<SharedTransport>, Failure> {
        let Some(server) = self.server.as_deref().filter(|server| !server.is_empty()) else {
            return Ok(None);
        };
        let endpoint = Endpoint::parse(server).context(ServerSnafu)?;
        let mut builder = HyperTransport::builder(endpoint.as_str());
        if let Some(token) = self.token()? {
            builder = builder.token(token);
        }
        if let Some(path) = given(self.ca_file.as_ref()) {
            builder = builder.ca_file(path);
        }
        builder = match (
            given(self.client_certificate.as_ref()),
            given(self.client_key.as_ref()),
        ) {
            (Some(certificate), Some(key)) => builder.client_certificate(certificate, key),
            (None, None) => builder,
            (Some(_), None) => return half("--client-certificate", "--client-key"),
            (None, Some(_)) => return half("--client-key", "--client-certificate"),
        };
        Ok(Some(builder.build().context(TransportSnafu)?.into_shared()))
    }

    /// As [`transport`](Self::transport), for a command that needs a server.
    pub(crate) fn required_transport(&self) -> Result<SharedTransport, Failure> {
        self.transport()?.context(NoServerSnafu)
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        if let Some(path) = &self.token_file {
            return Token::from_file(path).context(TokenSnafu).map(Some);
        }
        match std::env::var(TOKEN) {
            Ok(text) if !text.is_empty() => Token::new(&text).context(TokenSnafu).map(Some),
            _ => Ok(None),
        }
    }
}

/// An empty environment variable counts as unset.
fn given(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path)
        .filter(|path| !path.as_os_str().is_empty())
}

fn half<T>(given: &str, missing: &str) -> Result<T, Failure> {
    let message = format!("{missing} is required with {given}");
    UsageSnafu { message }.fail()
}

/// Builds the transport to the embedded engine.
#[cfg(feature = "embedded")]
pub(crate) fn transport_to_engine(url: &str) -> Result<SharedTransport, Failure> {
    Ok(HyperTransport::builder(url)
        .build()
        .context(TransportSnafu)?
        .into_shared())
}
