//! The integration tests of limits-core.

mod capabilities;
mod hidden_text;
mod props;
mod tracker;
