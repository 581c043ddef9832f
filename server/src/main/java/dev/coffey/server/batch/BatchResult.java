package dev.coffey.server.batch;

import dev.coffey.model.Matrix;
import java.util.List;

/// What the device computed for one request.
///
/// @param outputs for each text, in the request's order, one matrix for each of its readouts
/// @param queueNanos from submission to the start of the first batch that held a text of it
/// @param computeNanos the time of all batches that held texts of it; where several devices
///   computed them at once, more than what passed
/// @param batches how many those were
/// @param batchTokens the tokens in those batches, the company's included
/// @param batchTexts the texts in those batches, the company's included
public record BatchResult(
    List<List<Matrix>> outputs,
    long queueNanos,
    long computeNanos,
    int batches,
    int batchTokens,
    int batchTexts) {}
