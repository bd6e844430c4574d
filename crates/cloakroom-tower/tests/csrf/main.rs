//! Which requests the layer lets through.
