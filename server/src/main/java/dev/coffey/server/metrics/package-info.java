/// What operators see: counters, histograms and gauges in Prometheus' text form, and the port that
/// shows them. May import `dev.coffey.server.batch`, `dev.coffey.server.registry`, the gRPC API
/// (for an interceptor) and the Prometheus client.
@NullMarked
package dev.coffey.server.metrics;

import org.jspecify.annotations.NullMarked;
