//! What the operator wants changed. (To be written.)
