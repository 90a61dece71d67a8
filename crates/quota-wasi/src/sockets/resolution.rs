//! A look-up of a name.

/// A look-up of a name.
#[derive(Debug)]
pub struct Resolution;
