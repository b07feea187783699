"""The one place that says which version this is; read by the build, the client and the daemon."""

VERSION = "0.1.0"
