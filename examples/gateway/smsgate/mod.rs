use axum::Router;

use crate::{Error, Gateway};

pub fn router(_gateway: &Gateway) -> Result<Router, Error> {
    Ok(Router::new())
}
