//! What cargo knows: the workspace, the build, how each test binary is launched.
