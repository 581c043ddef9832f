package dev.coffey.server.batch;

import java.util.Collection;
import java.util.List;

/// One model's queue as [BatchPolicy] sees it.
///
/// @param lines for each [Priority], by its level, the requests in the order of their turns
record QueueView<R extends Waiting>(List<? extends Collection<R>> lines) {}
