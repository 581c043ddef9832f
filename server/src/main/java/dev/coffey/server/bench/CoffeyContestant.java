package dev.coffey.server.bench;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Pooling;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.TextModel;
import dev.coffey.model.checkpoint.ModelFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Coffey's model in this process. Of a checkpoint without a head the mean of the hidden states is
/// read. Used by one thread.
public final class CoffeyContestant implements Contestant {
  private final String detail;
  private final TextModel model;
  private final Readout readout;

  private CoffeyContestant(String detail, TextModel model) {
    this.detail = detail;
    this.model = model;
    this.readout =
        model.headOutputs() > 0
            ? new Readout.Head()
            : new Readout.Pooled(List.of(Pooling.MEAN), false);
  }

  /// Loads the model; `kernels` stay the caller's.
  public static CoffeyContestant load(Path folder, Kernels kernels) {
    try (ModelFolder checkpoint = ModelFolder.open(folder)) {
      return new CoffeyContestant(kernels.description(), TextModel.load(checkpoint, kernels));
    }
  }

  @Override
  public String name() {
    return "coffey";
  }

  @Override
  public String detail() {
    return detail;
  }

  /// How many token ids there are.
  public int vocabulary() {
    return model.config().vocabSize();
  }

  /// The longest text in tokens.
  public int longest() {
    return model.maxPositions();
  }

  /// A text as this model reads it.
  private TextInput input(int[] ids) {
    int[] positions = new int[ids.length];
    Arrays.setAll(positions, i -> i);
    return new TextInput(ids, new int[ids.length], positions, List.of(readout));
  }

  private List<List<TextInput>> inputs(Workload workload) {
    List<List<TextInput>> inputs = new ArrayList<>();
    for (int[][] batch : workload.batches()) {
      inputs.add(Arrays.stream(batch).map(this::input).toList());
    }
    return inputs;
  }

  @Override
  public float[][] logits(Workload workload) {
    List<float[]> logits = new ArrayList<>();
    for (List<TextInput> batch : inputs(workload)) {
      for (List<Matrix> text : model.run(batch)) {
        logits.add(text.getFirst().values());
      }
    }
    return logits.toArray(float[][]::new);
  }

  @Override
  public double seconds(Workload workload, int times) {
    List<List<TextInput>> inputs = inputs(workload);
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      for (List<TextInput> batch : inputs) {
        var _ = model.run(batch);
      }
    }
    return (System.nanoTime() - start) / 1e9;
  }

  @Override
  public void close() {
    model.close();
  }
}
