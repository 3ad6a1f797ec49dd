//! The files that run many instances and monitor them (`deploy/`, `compose.yaml`, the image and the
//! runbooks), compared with the program that they are about.
//!
//! Nothing is started here, and nothing asks a network. Whether the files are sound in their own
//! languages is for the tools of those, which `scripts/check-deploy` runs; `process::balancer` runs
//! the balancer.

mod files;
mod compose;
mod image;
mod watching;
