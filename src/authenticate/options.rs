//! What the authenticating layers share.

/// The builder methods that every authenticating layer has, for a field of type [`Schemes`].
macro_rules! options {
    ($schemes:ident) => {
        /// Lets a request onward as it is if an outer layer has left a
        /// [`Principal`](crate::Principal).
        pub fn skip_authenticated(mut self) -> Self {
            self.$schemes.options().skip_authenticated = true;
            self
        }

        /// Lets CORS preflights through as [`Anonymous`](crate::Anonymous): `OPTIONS` with `Origin`
        /// and `Access-Control-Request-Method`.
        ///
        /// A caller can forge one. Put the CORS layer right inside, so that it answers and no handler
        /// is reached; or outside, and leave this off.
        pub fn allow_cors_preflight(mut self) -> Self {
            self.$schemes.options().allow_cors_preflight = true;
            self
        }

        /// Refuses a request that is not known to have come over TLS: 403, without a challenge.
        pub fn require_https(mut self, evidence: $crate::HttpsEvidence) -> Self {
            self.$schemes.options().https = Some(evidence);
            self
        }

        /// Words the refusals over plain HTTP. The default is [`PlainText`](crate::PlainText).
        pub fn respond_with(mut self, wording: impl $crate::Respond) -> Self {
            self.$schemes.options().answers.wording = std::sync::Arc::new(wording);
            self
        }

        /// Says that no gRPC service is behind this layer: every refusal is plain HTTP.
        ///
        /// Without it, a `POST` whose content type is gRPC's is refused in gRPC's way, by HTTP 200 and a
        /// `grpc-status`, which a client of plain HTTP, or who reads its log, takes for a success.
        pub fn no_grpc(mut self) -> Self {
            self.$schemes.options().answers.no_grpc = true;
            self
        }
    };
}

/// The builder method of those layers that may let a request through without a principal.
macro_rules! optional {
    ($schemes:ident) => {
        /// Lets a request without an `Authorization` header through as
        /// [`Anonymous`](crate::Anonymous). A header that is wrong is still refused.
        pub fn optional(mut self) -> Self {
            self.$schemes.options().optional = true;
            self
        }
    };
}

/// A layer by name over [`Authenticate`](crate::Authenticate), with the options of all.
macro_rules! face {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone)]
        #[must_use]
        pub struct $name {
            schemes: $crate::authenticate::schemes::Schemes,
        }

        impl $name {
            $crate::authenticate::options::options!(schemes);
        }

        impl<S> tower_layer::Layer<S> for $name {
            type Service = $crate::Authenticate<S>;

            fn layer(&self, inner: S) -> Self::Service {
                $crate::Authenticate::new(inner, self.schemes.clone())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("schemes", &self.schemes).finish()
            }
        }
    };
}

pub(crate) use {face, optional, options};
