package dev.coffey.server.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/// SIGTERM and SIGINT. The JVM's own answer to them, shutdown hooks, always ends with 143 or 130
/// and can't be hurried; a server that drained is to exit with 0.
final class StopSignals {
  private StopSignals() {}

  /// Calls `first` at the first signal, `again` at every further one, each on a thread of its own.
  static void handle(Consumer<String> first, Consumer<Integer> again) {
    AtomicBoolean stopping = new AtomicBoolean();
    handle("TERM", first, again, stopping);
    handle("INT", first, again, stopping);
  }

  /// By reflection: javac warns of sun.misc.Signal and lets nobody switch that off, and warnings
  /// are errors here. The class is exported by jdk.unsupported, which a runtime image must contain.
  @SuppressWarnings("ReferenceEquality") // a proxy equals itself only
  private static void handle(
      String name, Consumer<String> first, Consumer<Integer> again, AtomicBoolean stopping) {
    try {
      Class<?> signalType = Class.forName("sun.misc.Signal");
      Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
      Object signal = signalType.getConstructor(String.class).newInstance(name);
      int number = (int) signalType.getMethod("getNumber").invoke(signal);
      Object handler =
          Proxy.newProxyInstance(
              handlerType.getClassLoader(),
              new Class<?>[] {handlerType},
              (proxy, method, arguments) ->
                  switch (method.getName()) {
                    case "handle" -> {
                      if (stopping.compareAndSet(false, true)) {
                        first.accept("SIG" + name);
                      } else {
                        again.accept(number);
                      }
                      yield null;
                    }
                    case "hashCode" -> System.identityHashCode(proxy);
                    case "equals" -> arguments != null && proxy == arguments[0];
                    default -> "stop signals";
                  });
      signalType.getMethod("handle", signalType, handlerType).invoke(null, signal, handler);
    } catch (ClassNotFoundException
        | NoSuchMethodException
        | InstantiationException
        | IllegalAccessException e) {
      throw new IllegalStateException(
          "this Java runtime can't handle signals: it lacks the module jdk.unsupported", e);
    } catch (InvocationTargetException e) {
      // As with -Xrs, which leaves the signals to the system.
      throw new IllegalStateException(
          "SIG%s can't be handled: %s".formatted(name, String.valueOf(e.getCause())), e);
    }
  }
}
