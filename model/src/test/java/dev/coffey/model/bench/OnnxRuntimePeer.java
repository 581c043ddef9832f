package dev.coffey.model.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.KernelsSelector;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.TextModel;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.generated.GeneratedModel;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/// DistilBERT-base with generated weights, fp32: Coffey's model against ONNX Runtime in the same
/// process, in turns, the same texts, equal logits checked. Prints the median of each and the ratio
/// of the two, turn by turn.
///
/// `tools/bench onnx OUT.onnx [threads] [rounds]`, the file made by `tools/export_onnx.py` from the
/// folder that `tools/bench generate FOLDER` writes.
public final class OnnxRuntimePeer {
  private static final int[][] SHAPES = {
    {1, 16}, {1, 32}, {1, 128}, {8, 32}, {8, 128}, {32, 128}, {1, 384}
  };

  /// Both sides keep their threads spinning for a while after a run: the other must not pay for it.
  private static final int PAUSE_MILLIS = 30;

  /// For each shape, before it is measured: the JIT compiles what a shape uses within a second.
  private static final long WARM_UP_NANOS = 2_000_000_000L;

  /// The logits are about 1; both sides' own error against double precision is below 1e-5.
  private static final double AGREEMENT = 5e-5;

  private OnnxRuntimePeer() {}

  public static void main(String[] args) throws Exception {
    Path folderPath = Path.of(args[0]);
    String onnx = args[1];
    int threads = args.length > 2 ? Integer.parseInt(args[2]) : 2;
    int rounds = args.length > 3 ? Integer.parseInt(args[3]) : 7;
    GeneratedModel.distilBertBase(1).write(folderPath);
    KernelsProvider provider = KernelsSelector.select("vector", KernelsProvider.all()).provider();
    try (Kernels kernels = provider.open(new KernelsOptions(threads));
        ModelFolder folder = ModelFolder.open(folderPath);
        TextModel model = TextModel.load(folder, kernels);
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      try (OrtSession session = environment.createSession(onnx, options)) {
        System.out.printf(
            "%s; ONNX Runtime %s, all optimizations, %d threads; %d rounds in turns%n",
            kernels.description(), environment.getVersion(), threads, rounds);
        System.out.println(
            "texts x tokens   coffey ms  onnxruntime ms   ratio (median of rounds, min-max)");
        for (int[] shape : SHAPES) {
          compare(model, environment, session, shape[0], shape[1], rounds);
        }
      }
    }
  }

  private static void compare(
      TextModel model,
      OrtEnvironment environment,
      OrtSession session,
      int texts,
      int tokens,
      int rounds)
      throws OrtException, InterruptedException {
    int[][] ids = ids(texts, tokens);
    List<TextInput> batch = new ArrayList<>();
    for (int[] text : ids) {
      batch.add(
          new TextInput(
              text,
              new int[tokens],
              IntStream.range(0, tokens).toArray(),
              List.of(new Readout.Head())));
    }
    check(coffey(model, batch), onnx(environment, session, ids));
    for (long end = System.nanoTime() + WARM_UP_NANOS; System.nanoTime() < end; ) {
      coffey(model, batch);
      onnx(environment, session, ids);
    }
    double[] ours = new double[rounds];
    double[] theirs = new double[rounds];
    double[] ratios = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      Thread.sleep(PAUSE_MILLIS);
      long start = System.nanoTime();
      coffey(model, batch);
      long coffeyNanos = System.nanoTime() - start;
      Thread.sleep(PAUSE_MILLIS);
      start = System.nanoTime();
      onnx(environment, session, ids);
      long onnxNanos = System.nanoTime() - start;
      ours[round] = coffeyNanos / 1e6;
      theirs[round] = onnxNanos / 1e6;
      ratios[round] = (double) onnxNanos / coffeyNanos;
    }
    Arrays.sort(ratios);
    System.out.printf(
        "%5d x %-6d %12.2f %15.2f   %.2f (%.2f-%.2f)%n",
        texts, tokens, median(ours), median(theirs), median(ratios), ratios[0], ratios[rounds - 1]);
  }

  private static int[][] ids(int texts, int tokens) {
    SplittableRandom random = new SplittableRandom(texts * 1000L + tokens);
    int[][] ids = new int[texts][];
    for (int t = 0; t < texts; t++) {
      ids[t] = random.ints(tokens, 1000, 30000).toArray();
      ids[t][0] = 101;
      ids[t][tokens - 1] = 102;
    }
    return ids;
  }

  private static float[][] coffey(TextModel model, List<TextInput> batch) {
    List<List<Matrix>> results = model.run(batch);
    return results.stream().map(r -> r.getFirst().values()).toArray(float[][]::new);
  }

  private static float[][] onnx(OrtEnvironment environment, OrtSession session, int[][] ids)
      throws OrtException {
    long[] shape = {ids.length, ids[0].length};
    long[] flat = Arrays.stream(ids).flatMapToInt(Arrays::stream).asLongStream().toArray();
    long[] ones = new long[flat.length];
    Arrays.fill(ones, 1);
    try (OnnxTensor input = OnnxTensor.createTensor(environment, LongBuffer.wrap(flat), shape);
        OnnxTensor mask = OnnxTensor.createTensor(environment, LongBuffer.wrap(ones), shape);
        OrtSession.Result result =
            session.run(Map.of("input_ids", input, "attention_mask", mask))) {
      return (float[][]) result.get(0).getValue();
    }
  }

  private static void check(float[][] ours, float[][] theirs) {
    for (int t = 0; t < ours.length; t++) {
      for (int i = 0; i < ours[t].length; i++) {
        if (!(Math.abs(ours[t][i] - theirs[t][i]) <= AGREEMENT)) {
          throw new IllegalStateException(
              "logits differ: text %d, label %d: %s and %s"
                  .formatted(t, i, ours[t][i], theirs[t][i]));
        }
      }
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
