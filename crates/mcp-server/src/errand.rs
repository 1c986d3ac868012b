//! What goes with a request until it is over: with its response, or with the call that it began.

use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};

use crate::body::Body;
use crate::cors;
use crate::drain::UnderWay;
use crate::refused::Refused;
use crate::server::Shared;
use crate::trail::Trail;

pub(crate) struct Errand {
    pub(crate) trail: Option<Box<Trail>>,
    pub(crate) under_way: Option<UnderWay>,
}

impl Errand {
    pub(crate) fn begin(server: &Shared, parts: &Parts) -> Self {
        Self { trail: Trail::begin(server.observer.as_ref(), parts), under_way: server.drain.enter() }
    }

    /// The server takes new requests, and the observer does.
    pub(crate) fn may_go_on(&self) -> Result<(), Refused> {
        if self.under_way.is_none() {
            return Err(Refused::ShuttingDown);
        }
        match &self.trail {
            Some(trail) if !trail.is_admitted() => Err(Refused::Unobserved),
            _ => Ok(()),
        }
    }

    /// The trail, for whoever ends the call later; the request itself is answered with 202.
    pub(crate) fn hand_over(&mut self) -> Option<Box<Trail>> {
        let mut trail = self.trail.take();
        if let Some(trail) = &mut trail {
            trail.status = StatusCode::ACCEPTED;
        }
        trail
    }

    /// The response, which the errand now goes with. `page` is the web page that may read it, if one has asked.
    pub(crate) fn finish(
        mut self,
        server: &Shared,
        page: Option<HeaderValue>,
        answered: Result<Response<Body>, Refused>,
    ) -> Response<Body> {
        let mut response = answered.unwrap_or_else(|refused| {
            refused.log(server);
            refused.into_response(self.trail.as_deref_mut())
        });
        if let Some(methods) = server.endpoint.methods()
            && response.headers().contains_key(ALLOW)
        {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        cors::expose(page, &mut response);
        if let Some(trail) = &mut self.trail {
            trail.status = response.status();
        }
        response.body_mut().hold(self.under_way, self.trail);
        response
    }
}
