//! Credentials (recordings `900_auth_ping_no_token`–`907_auth_lowercase_bearer`).

use std::sync::Arc;

use http::StatusCode;
use stepwell::{Error, Submission, error::ConnectError, transport::Token};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::Scene,
};

pub(crate) async fn a_wrong_token_is_told_as_credentials_and_one_too_many_is_harmless(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let spec = scene.finite("token").build()?;
    let wrong = Token::new("not-the-token-of-this-server")?;
    if !scene.server.wants_a_token() {
        let transport = scene.server.transport_with(Some(wrong))?;
        Submission::new(transport, spec).run().await?;
        assert_eq!(scene.ours().await?.len(), 1);
        return Ok(());
    }
    for token in [Some(wrong), None] {
        let transport = scene.server.transport_with(token)?;
        match error_of(Submission::new(transport, spec.clone()).run().await)? {
            Error::Connect {
                source: ConnectError::Credentials { status, .. },
            } => assert_eq!(status, StatusCode::UNAUTHORIZED),
            other => return Err(unexpected(&other)),
        }
    }
    assert_eq!(scene.ours().await?.len(), 0);
    scene.submission(spec).run().await?;
    assert_eq!(scene.ours().await?.len(), 1);
    Ok(())
}
