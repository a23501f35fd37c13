use stepwell::Transport;

#[derive(Debug)]
struct Shortcut;

impl Transport for Shortcut {
    async fn execute(
        &self,
        _request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<bytes::Bytes>, stepwell::transport::TransportError> {
        std::future::pending().await
    }
}

fn main() {
    let _ = Shortcut;
}
