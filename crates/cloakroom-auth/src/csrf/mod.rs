//! Whether a request that changes something was meant by the visitor.
