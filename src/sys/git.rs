//! What git says of the checkout.
