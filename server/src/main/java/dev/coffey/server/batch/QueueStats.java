package dev.coffey.server.batch;

/// A model queue's counters and gauges at one moment; they agree with each other: `admitted =
/// answered + expired + cancelled + faulted + abandoned + openRequests`.
///
/// @param admitted requests taken in
/// @param answered requests that got their result
/// @param expired requests dropped after admission because their deadline passed or could no longer
///   be met
/// @param cancelled requests whose caller went away
/// @param faulted requests whose batch failed
/// @param abandoned requests failed because the batcher closed before their turn
/// @param refusedQueueFull refused: too many tokens or requests wait
/// @param refusedDeadlineUnreachable refused: the estimated wait is too long
/// @param refusedDeadlinePassed refused: the deadline had passed on arrival
/// @param refusedUnavailable refused: draining or unregistered
/// @param refusedInvalid refused: larger than the whole queue
/// @param batches batches computed, failed ones included
/// @param batchTexts texts in them
/// @param batchTokens tokens in them
/// @param computeNanosTotal time of them
/// @param computeNanosExpired the token-weighted share of it spent on requests that had expired or
///   been cancelled when their batch started
/// @param computeNanosExpiredDuring likewise, for requests that expired or were cancelled while
///   their batch ran
/// @param computeNanosUnanswered likewise, for all requests that ended without a result: holds the
///   two above, failed batches, and the first batches of requests whose rest came too late
/// @param openRequests requests admitted and not yet ended (gauge)
/// @param queuedRequests those of them that wait with at least one text (gauge)
/// @param queuedTexts texts that wait (gauge)
/// @param queuedTokens tokens that wait (gauge)
public record QueueStats(
    long admitted,
    long answered,
    long expired,
    long cancelled,
    long faulted,
    long abandoned,
    long refusedQueueFull,
    long refusedDeadlineUnreachable,
    long refusedDeadlinePassed,
    long refusedUnavailable,
    long refusedInvalid,
    long batches,
    long batchTexts,
    long batchTokens,
    long computeNanosTotal,
    long computeNanosExpired,
    long computeNanosExpiredDuring,
    long computeNanosUnanswered,
    int openRequests,
    int queuedRequests,
    int queuedTexts,
    long queuedTokens) {}
