//! What happens to a request on its way.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use stepwell::transport::TransportError;
use tokio::time::Instant;

use crate::{
    Chance,
    fault::Fault,
    network::Network,
    purpose::Purpose,
    replies::{closed, page, timed_out, without_job},
    world::Sent,
};

impl Network {
    pub(crate) async fn meet(
        &self,
        fault: Fault,
        purpose: Purpose,
        request: &Request<Bytes>,
        until: Instant,
        chance: &mut Chance,
    ) -> Result<Response<Bytes>, TransportError> {
        let sent_at = Instant::now();
        let effect = || self.effect(request, sent_at, false);
        match fault {
            Fault::None => Ok(effect()),
            Fault::Refused | Fault::ServerDown | Fault::LostBefore => Err(closed()),
            Fault::LostAfter => {
                effect();
                Err(closed())
            }
            Fault::CommittedLate => {
                self.commit_late(request.clone(), sent_at, chance.millis(500, 100_000));
                if chance.percent(50) {
                    return Err(closed());
                }
                timed_out(until).await
            }
            Fault::CutMidway => {
                self.effect(&without_job(request), sent_at, false);
                Err(closed())
            }
            Fault::ReplyTooLate => {
                effect();
                timed_out(until).await
            }
            Fault::SlowRequest => {
                let at = sent_at + chance.millis(100, 3_000);
                if at >= until {
                    return timed_out(until).await;
                }
                tokio::time::sleep_until(at).await;
                Ok(effect())
            }
            Fault::SlowReply => {
                let reply = effect();
                let at = sent_at + chance.millis(100, 3_000);
                if at >= until {
                    return timed_out(until).await;
                }
                tokio::time::sleep_until(at).await;
                Ok(reply)
            }
            // Nor a `PUT` on nodes of two versions: nobody could tell the answer of one from that of the other.
            Fault::Duplicated if purpose.creates() && self.world.lock().nature.mixed => {
                Ok(effect())
            }
            Fault::Duplicated => {
                let replies = [effect(), effect()];
                Ok(self.one_of(replies, purpose, chance))
            }
            Fault::Error500 | Fault::Error502 | Fault::Error503 => {
                if chance.percent(50) {
                    effect();
                }
                Ok(page(match fault {
                    Fault::Error500 => StatusCode::INTERNAL_SERVER_ERROR,
                    Fault::Error502 => StatusCode::BAD_GATEWAY,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                }))
            }
            Fault::Html => {
                if chance.percent(50) {
                    effect();
                }
                Ok(page(StatusCode::OK))
            }
            Fault::EmptyReply => Ok(effect().map(|_| Bytes::new())),
            Fault::TruncatedReply => Ok(effect().map(|body| body.slice(..body.len() / 2))),
            Fault::ServerRestart => {
                if chance.percent(50) {
                    effect();
                }
                self.world.lock().restart();
                Err(closed())
            }
            Fault::CursorDeleted => {
                self.delete_cursor(request);
                Ok(effect())
            }
            Fault::CallerGone | Fault::Signal => {
                // In the middle of it, before or after it took effect.
                let reply = chance.percent(50).then(effect);
                if fault == Fault::Signal {
                    self.world.lock().signals[self.process].notify_one();
                } else {
                    self.gone.notify_one();
                }
                tokio::time::sleep(chance.millis(1, 500)).await;
                if Instant::now() >= until {
                    return timed_out(until).await;
                }
                debug_assert!(fault.concerns(purpose));
                Ok(reply.unwrap_or_else(effect))
            }
        }
    }

    /// What comes back of a request that was sent twice.
    fn one_of(
        &self,
        [first, second]: [Response<Bytes>; 2],
        purpose: Purpose,
        chance: &mut Chance,
    ) -> Response<Bytes> {
        // Who is told that it is there already, and ends before it has looked, must not lose it.
        if purpose.creates() {
            self.world.lock().doubled.insert(self.who.clone());
            match chance.below(3) {
                0 => self.world.lock().signals[self.process].notify_one(),
                1 => self.gone.notify_one(),
                _ => {}
            }
        }
        if chance.percent(50) { first } else { second }
    }

    fn commit_late(&self, request: Request<Bytes>, sent_at: Instant, after: Duration) {
        let network = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            network.effect(&request, sent_at, true);
        });
    }

    /// The row that a page begins after goes away.
    fn delete_cursor(&self, request: &Request<Bytes>) {
        let query = request.uri().query().unwrap_or_default();
        let cursor = query
            .split('&')
            .find_map(|parameter| parameter.strip_prefix("starting_after="));
        let Some(cursor) = cursor else { return };
        let request = Request::delete(format!("/api/v1/pipelines/{cursor}"))
            .body(Bytes::new())
            .unwrap();
        let sent = Sent {
            who: "somebody",
            at: Instant::now(),
            late: false,
        };
        self.world.lock().answer(sent, &request);
    }
}
