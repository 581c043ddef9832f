package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.model.checkpoint.ModelFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// The README's table of families, heads and backends says what [FamilyGoldenTest] compares: no
/// more, no less.
final class SupportTableTest {
  private static final String FIRST_ROW = "| | DistilBert | Bert | Albert | MobileBert |";

  /// Breaks if a head has a fixture and no cell, or a cell and no fixture.
  @Test
  void readme_table_isWhatTheGoldensCover() throws IOException {
    Map<String, Set<String>> covered = new TreeMap<>();
    for (Golden golden : Golden.bundled()) {
      try (ModelFolder folder = ModelFolder.open(golden.folder())) {
        String name = folder.config().architectures().getFirst();
        covered.computeIfAbsent(name, _ -> new TreeSet<>()).addAll(Backends.REQUIRED);
      }
    }
    assertThat(table()).isEqualTo(covered);
  }

  /// The table's cells: class name to backends.
  private static Map<String, Set<String>> table() throws IOException {
    List<String> lines = Files.readAllLines(Path.of("..", "README.md"));
    int first = lines.indexOf(FIRST_ROW);
    assertThat(first).as("the table's first row, %s", FIRST_ROW).isNotNegative();
    List<String> families = cells(lines.get(first));
    Map<String, Set<String>> table = new TreeMap<>();
    for (String line : lines.subList(first + 2, lines.size())) {
      if (line.isEmpty()) {
        break;
      }
      List<String> row = cells(line);
      for (int column = 1; column < row.size(); column++) {
        if (!row.get(column).equals("-")) {
          table.put(
              families.get(column) + row.getFirst(),
              new TreeSet<>(Arrays.asList(row.get(column).split(", "))));
        }
      }
    }
    return table;
  }

  private static List<String> cells(String line) {
    List<String> cells = new ArrayList<>();
    for (String cell : line.substring(1, line.lastIndexOf('|')).split("\\|", -1)) {
      cells.add(cell.strip());
    }
    return cells;
  }
}
