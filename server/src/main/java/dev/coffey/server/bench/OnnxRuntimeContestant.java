package dev.coffey.server.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/// ONNX Runtime in this process, all optimizations on. Its jar has 90 MB and nothing else of Coffey
/// needs it, so it is no dependency: the user names the jar, and the few calls go by reflection. A
/// call costs microseconds of the milliseconds that it computes.
public final class OnnxRuntimeContestant implements Contestant {
  /// Version 1.29 recurses over the process's command line when it starts: one with the class path
  /// of a build overflows the 1 MB that a Java thread has, and the process dies without a word.
  private static final long STACK_BYTES = 64 << 20;

  private final URLClassLoader loader;
  private final Object environment;
  private final AutoCloseable session;
  private final Set<?> inputNames;
  private final String detail;

  /// @param jar `onnxruntime-<version>.jar` as Maven Central has it
  /// @param onnx the exported classifier, with inputs named as Hugging Face names them
  /// @throws IllegalArgumentException if one of them is not what it should be
  public OnnxRuntimeContestant(Path jar, Path onnx, int threads) {
    loader = new URLClassLoader(new URL[] {url(jar)}, ClassLoader.getPlatformClassLoader());
    try {
      environment = onDeepStack(() -> invokeStatic("OrtEnvironment", "getEnvironment", List.of()));
      Object options = type("OrtSession$SessionOptions").getConstructor().newInstance();
      invoke(options, "setIntraOpNumThreads", List.of(int.class), threads);
      invoke(options, "setInterOpNumThreads", List.of(int.class), 1);
      session =
          (AutoCloseable)
              invoke(
                  environment,
                  "createSession",
                  List.of(String.class, options.getClass()),
                  onnx.toString(),
                  options);
      inputNames = (Set<?>) invoke(session, "getInputNames", List.of());
      detail =
          "ONNX Runtime %s (Java), fp32, %d threads"
              .formatted(invoke(environment, "getVersion", List.of()), threads);
    } catch (ReflectiveOperationException | RuntimeException e) {
      closeQuietly(loader);
      throw new IllegalArgumentException(
          "can't run %s with ONNX Runtime from %s: %s".formatted(onnx, jar, reason(e)), e);
    }
  }

  /// Calls on a thread of its own, with a stack like that of a native program.
  private static Object onDeepStack(Callable<Object> call) throws ReflectiveOperationException {
    FutureTask<Object> task = new FutureTask<>(call);
    new Thread(null, task, "onnxruntime-start", STACK_BYTES).start();
    try {
      return task.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof ReflectiveOperationException cause
          ? cause
          : new InvocationTargetException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while ONNX Runtime started", e);
    }
  }

  private static URL url(Path jar) {
    try {
      return jar.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException("not a jar: " + jar, e);
    }
  }

  private static String reason(Exception e) {
    return e instanceof InvocationTargetException called
        ? String.valueOf(called.getCause())
        : e.toString();
  }

  private Class<?> type(String name) throws ClassNotFoundException {
    return Class.forName("ai.onnxruntime." + name, true, loader);
  }

  private Object invokeStatic(
      String type, String method, List<Class<?>> parameters, Object... arguments)
      throws ReflectiveOperationException {
    return type(type)
        .getMethod(method, parameters.toArray(Class<?>[]::new))
        .invoke(null, arguments);
  }

  private static Object invoke(
      Object target, String method, List<Class<?>> parameters, Object... arguments)
      throws ReflectiveOperationException {
    return target
        .getClass()
        .getMethod(method, parameters.toArray(Class<?>[]::new))
        .invoke(target, arguments);
  }

  @Override
  public String name() {
    return "onnxruntime";
  }

  @Override
  public String detail() {
    return detail;
  }

  @Override
  public float[][] logits(Workload workload) {
    List<float[]> logits = new ArrayList<>();
    for (int[][] batch : workload.batches()) {
      logits.addAll(List.of(run(Padded.of(batch))));
    }
    return logits.toArray(float[][]::new);
  }

  @Override
  public double seconds(Workload workload, int times) {
    List<Padded> batches = workload.batches().stream().map(Padded::of).toList();
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      for (Padded batch : batches) {
        var _ = run(batch);
      }
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private float[][] run(Padded batch) {
    Map<String, long[]> values =
        Map.of(
            "input_ids", batch.ids(),
            "attention_mask", batch.mask(),
            "token_type_ids", new long[batch.ids().length]);
    long[] shape = {batch.texts(), batch.tokens()};
    Map<String, Object> inputs = new HashMap<>();
    try {
      for (Object name : inputNames) {
        long[] numbers = values.get(name);
        if (numbers == null) {
          throw new IllegalArgumentException("the ONNX file has an unknown input: " + name);
        }
        inputs.put(
            (String) name,
            invokeStatic(
                "OnnxTensor",
                "createTensor",
                List.of(type("OrtEnvironment"), LongBuffer.class, long[].class),
                environment,
                LongBuffer.wrap(numbers),
                shape));
      }
      AutoCloseable result = (AutoCloseable) invoke(session, "run", List.of(Map.class), inputs);
      try {
        Object first = invoke(result, "get", List.of(int.class), 0);
        return (float[][]) type("OnnxValue").getMethod("getValue").invoke(first);
      } finally {
        closeQuietly(result);
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("ONNX Runtime failed: " + reason(e), e);
    } finally {
      inputs.values().forEach(tensor -> closeQuietly((AutoCloseable) tensor));
    }
  }

  private static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    closeQuietly(session);
    closeQuietly(loader);
  }
}
