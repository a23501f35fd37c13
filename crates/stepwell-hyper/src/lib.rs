//! A minimal HTTP/1 transport on raw hyper for stepwell.
