/* Where our words end and Python's begin, and which ranks surely do not lead. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "command_line.h"
#include "place.h"

static struct command_line read_words(char **words) {
  struct command_line line;
  command_line_read(words, &line);
  return line;
}

static void ends(void) {
  struct command_line line = read_words((char *[]){"--packages", "a:b", "--chroot=/x", "--keep", "-n", "4", "-c", "--keep", NULL});
  CHECK(strcmp(line.given[OPTION_PACKAGES], "a:b") == 0 && strcmp(line.given[OPTION_CHROOT], "/x") == 0, "values");
  CHECK(line.given[OPTION_KEEP] && strcmp(line.ranks, "4") == 0 && !line.unclear, "switches");
  CHECK(strcmp(line.python[0], "-c") == 0 && strcmp(line.python[1], "--keep") == 0, "Python's own");
  line = read_words((char *[]){"-n12", "--check-hash-based-pycs", "always", NULL});
  CHECK(strcmp(line.ranks, "12") == 0 && strcmp(line.python[0], "--check-hash-based-pycs") == 0, "long ones of Python");
  line = read_words((char *[]){"--keep=no", NULL});
  CHECK(strcmp(line.given[OPTION_KEEP], "no") == 0 && !line.unclear, "a switch with a value");
  CHECK(!read_words((char *[]){NULL}).unclear, "none");
  CHECK(!read_words((char *[]){"--", "--what", NULL}).unclear, "two dashes are Python's");
  char *const unclear[] = {"--what", "--packages", "-n", "--help", "--version"};
  for (size_t i = 0; i < sizeof unclear / sizeof *unclear; i++)
    CHECK(read_words((char *[]){unclear[i], NULL}).unclear, "%s", unclear[i]);
}

static void variables(void) {
  struct command_line line = read_words((char *[]){"--packages", "", NULL});
  setenv("PYTHON_MPI_PACKAGES", "x", 1);
  CHECK(setting(&line, OPTION_PACKAGES) == NULL, "an empty option wins over a variable");
  line = read_words((char *[]){NULL});
  CHECK(strcmp(setting(&line, OPTION_PACKAGES), "x") == 0, "a variable");
  unsetenv("PYTHON_MPI_PACKAGES");
}

static void slurm(void) {
  static const char *const step[][2] = {
      {"SLURM_JOB_ID", "7"}, {"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "5"}, {"SLURM_LOCALID", "1"},
      {"SLURM_NODEID", "1"}, {"SLURM_NTASKS", "8"}, {"SLURM_STEP_NUM_TASKS", "8"}};
  for (size_t i = 0; i < sizeof step / sizeof *step; i++) setenv(step[i][0], step[i][1], 1);
}

/* A variable that raises a doubt, with what it holds. */
static const char *const DOUBTS[][2] = {
    {"SLURM_STEP_ID", "4294967291"}, {"SLURM_HET_SIZE", "2"}, {"SLURM_NTASKS", "9"}, {"PMI_FD", "3"},
    {"PMI_PORT", "a:1"}, {"OMPI_COMM_WORLD_RANK", "5"}, {"PYTHON_MPI_LAUNCHER", "hydra"}, {"SLURM_LOCALID", ""},
    {"PMIX_RANK", "4"}};

static void places(void) {
  struct command_line line = read_words((char *[]){NULL});
  CHECK(find_place(&line).is_alone && !find_place(&line).step, "no launcher");
  slurm();
  struct place place = find_place(&line);
  CHECK(place.step && place.follows && strcmp(place.rank, "5") == 0 && !place.is_deputy, "a follower");
  setenv("SLURM_LOCALID", "0", 1);
  CHECK(find_place(&line).step && !find_place(&line).follows, "a leader");
  for (size_t i = 0; i < sizeof DOUBTS / sizeof *DOUBTS; i++) {
    slurm();
    setenv(DOUBTS[i][0], DOUBTS[i][1], 1);
    CHECK(!find_place(&line).step && !find_place(&line).follows, "%s", DOUBTS[i][0]);
    unsetenv(DOUBTS[i][0]);
  }
}

int main(void) {
  clearenv();
  ends();
  variables();
  places();
  puts("starter command line: words, settings, places and doubts");
}
