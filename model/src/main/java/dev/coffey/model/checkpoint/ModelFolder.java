package dev.coffey.model.checkpoint;

import dev.coffey.model.HeadKind;
import dev.coffey.model.ModelConfig;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/// One model as Hugging Face writes it to a folder, opened: config read and checked, weights
/// mapped, head told, the other files found. Close it once the weights are on the device.
public final class ModelFolder implements AutoCloseable {
  /// Nine digits fit an int.
  private static final Pattern VERSION = Pattern.compile("[1-9][0-9]{0,8}");

  private final Path path;
  private final ModelConfig config;
  private final Checkpoint checkpoint;
  private final HeadKind head;
  private final TokenizerFiles tokenizerFiles;
  private final Optional<SentenceConfig> sentence;

  private ModelFolder(
      Path path,
      ModelConfig config,
      Checkpoint checkpoint,
      HeadKind head,
      Optional<SentenceConfig> sentence) {
    this.path = path;
    this.config = config;
    this.checkpoint = checkpoint;
    this.head = head;
    this.tokenizerFiles = TokenizerFiles.in(path);
    this.sentence = sentence;
  }

  /// Opens the model in `path`, on any file system.
  ///
  /// @throws CheckpointException if it is none, or something in it is wrong
  public static ModelFolder open(Path path) {
    requireFolder(path);
    if (!Files.exists(path.resolve(ConfigReader.FILE))) {
      throw new CheckpointException(
          Problem.MISSING_FILE,
          path,
          "is no model: it has no config.json"
              + (locate(path).isEmpty() ? "" : " (but holds folders that have one)"));
    }
    ModelConfig config = ConfigReader.read(path);
    Optional<SentenceConfig> sentence = SentenceConfig.in(path);
    Checkpoint checkpoint = Checkpoint.open(path);
    try {
      HeadKind head =
          sentence.isPresent()
              ? HeadDetection.ofSentences(
                  path, config.family(), config.architectures(), checkpoint.names())
              : HeadDetection.head(
                  path, config.family(), config.architectures(), checkpoint.names());
      return new ModelFolder(path, config, checkpoint, head, sentence);
    } catch (RuntimeException | Error e) {
      checkpoint.close();
      throw e;
    }
  }

  /// The models at `path`: itself, if it is a model, else the folders in it that are, by name and
  /// version. A folder counts as a model if it holds a config.json or weights; hidden ones and
  /// plain files are passed over.
  ///
  /// @throws CheckpointException if there are none
  public static List<ModelLocation> discover(Path path) {
    requireFolder(path);
    if (looksLikeModel(path)) {
      return List.of(new ModelLocation(name(path), OptionalInt.empty(), path));
    }
    List<ModelLocation> found = locate(path);
    if (found.isEmpty()) {
      throw new CheckpointException(
          Problem.MISSING_FILE,
          path,
          "holds no model; looked for config.json here, in its folders, and in numbered versions below them");
    }
    return found;
  }

  /// The folder's name, which is the model's.
  public String name() {
    return name(path);
  }

  /// Where the model was opened.
  public Path path() {
    return path;
  }

  public ModelConfig config() {
    return config;
  }

  public HeadKind head() {
    return head;
  }

  /// The weights; open until this is closed.
  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /// The names of the encoder's and the head's tensors in [#checkpoint].
  public CheckpointNames tensorNames() {
    return new CheckpointNames(checkpoint, config.modelType() + ".");
  }

  public TokenizerFiles tokenizerFiles() {
    return tokenizerFiles;
  }

  /// How the folder makes a sentence's vector, if it is a sentence-transformers model.
  public Optional<SentenceConfig> sentence() {
    return sentence;
  }

  /// How the folder makes a score of a cross-encoder's logit.
  public RankConfig rank() {
    return RankConfig.in(path);
  }

  /// Closes the weights.
  @Override
  public void close() {
    checkpoint.close();
  }

  private static void requireFolder(Path path) {
    if (!Files.exists(path)) {
      throw new CheckpointException(
          Problem.MISSING_FILE, path, "does not exist; expected a model's folder");
    }
    if (!Files.isDirectory(path)) {
      throw new CheckpointException(
          Problem.MISSING_FILE, path, "is a file; expected the folder of a model");
    }
  }

  private static List<ModelLocation> locate(Path path) {
    List<ModelLocation> found = versions(name(path), path);
    if (!found.isEmpty()) {
      return found;
    }
    for (Path folder : folders(path)) {
      if (looksLikeModel(folder)) {
        found.add(new ModelLocation(name(folder), OptionalInt.empty(), folder));
      } else {
        found.addAll(versions(name(folder), folder));
      }
    }
    return found;
  }

  /// The numbered versions below a model's folder, in rising order. Numbered folders beside others
  /// are not versions but models with odd names.
  private static List<ModelLocation> versions(String name, Path folder) {
    List<ModelLocation> versions = new ArrayList<>();
    for (Path version : folders(folder)) {
      boolean model = looksLikeModel(version);
      boolean numbered = VERSION.matcher(name(version)).matches();
      if (model && !numbered) {
        return new ArrayList<>();
      }
      if (model) {
        versions.add(
            new ModelLocation(name, OptionalInt.of(Integer.parseInt(name(version))), version));
      }
    }
    versions.sort(Comparator.comparingInt(location -> location.version().orElseThrow()));
    return versions;
  }

  private static List<Path> folders(Path path) {
    List<Path> folders = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
      for (Path entry : entries) {
        if (Files.isDirectory(entry) && !name(entry).startsWith(".")) {
          folders.add(entry);
        }
      }
    } catch (IOException e) {
      throw Json.unreadable(path, e);
    } catch (DirectoryIteratorException e) {
      throw Json.unreadable(path, Objects.requireNonNull(e.getCause()));
    }
    folders.sort(Comparator.comparing(ModelFolder::name));
    return folders;
  }

  private static boolean looksLikeModel(Path folder) {
    return Files.exists(folder.resolve(ConfigReader.FILE))
        || Files.exists(folder.resolve(Checkpoint.SINGLE))
        || Files.exists(folder.resolve(Checkpoint.INDEX));
  }

  private static String name(Path path) {
    Path name = path.toAbsolutePath().normalize().getFileName();
    String text = name == null ? path.toString() : name.toString();
    // A zip file system's folders end in a slash.
    return text.endsWith("/") && text.length() > 1 ? text.substring(0, text.length() - 1) : text;
  }
}
