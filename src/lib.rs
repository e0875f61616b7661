//! deployx takes a team from "we changed a value" to "it is live, healthy, and recorded".
