#include "place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embedded.h"
#include "memory.h"

/* Steps from here on are those of batch scripts and interactive shells, which are no ranks: slurm.h. */
static const unsigned long FIRST_SPECIAL_STEP = 0xfffffff0;

static bool same(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

static bool is_number(const char *text) {
  return text && *text && strlen(text) < 10 && strspn(text, "0123456789") == strlen(text);
}

/* Somebody's PMI, which may be older or younger than Slurm's variables. */
static bool is_anothers(void) {
  const char *fd = getenv("PMI_FD");
  bool is_sruns = getenv("PMI_JOBID") && same(getenv("PMI_RANK"), getenv("SLURM_PROCID")) &&
                  same(getenv("PMI_SIZE"), getenv("SLURM_STEP_NUM_TASKS"));
  return (fd && !is_sruns) || getenv("PMI_PORT") || getenv("OMPI_COMM_WORLD_RANK");
}

/* Under --mpi=pmix the store of PMIx is used, by all ranks, unless there is a secret. */
static bool needs_pmix(void) {
  const char *namespace = getenv("PMIX_NAMESPACE");
  if (!getenv("PMIX_RANK")) return false;
  if (!same(getenv("PMIX_RANK"), getenv("SLURM_PROCID")) || !namespace ||
      strncmp(namespace, "slurm.pmix.", 11) != 0)
    return true;
  const char *secret = getenv("PYTHON_MPI_SECRET");
  return !(secret && *secret) && access("/run/munge/munge.socket.2", F_OK) != 0;
}

static void find_slurm(struct place *place) {
  const char *job = getenv("SLURM_JOB_ID");
  const char *step = getenv("SLURM_STEP_ID");
  const char *rank = getenv("SLURM_PROCID");
  const char *local = getenv("SLURM_LOCALID");
  const char *node = getenv("SLURM_NODEID");
  if (!job || !step || strlen(step) > 12 || strtoul(step, NULL, 10) >= FIRST_SPECIAL_STEP) return;
  if (!is_number(rank) || !is_number(local) || !is_number(node)) return;
  /* The components of a heterogeneous step each count their own. */
  if (getenv("SLURM_HET_SIZE") || !same(getenv("SLURM_STEP_NUM_TASKS"), getenv("SLURM_NTASKS")))
    return;
  if (is_anothers() || needs_pmix()) return;
  place->step = print_text("slurm %s.%s", job, step);
  place->node = node;
  place->rank = rank;
  place->rank_variable = "SLURM_PROCID";
  place->follows = !same(local, "0");
  place->is_deputy = same(rank, "1") && same(getenv("SLURM_STEP_NUM_NODES"), "1");
}

/* PALS itself, or Slurm in its name: only what one of the two counts is believed. */
static void find_pals(struct place *place) {
  const char *application = getenv("PALS_APID");
  const char *rank = getenv("PALS_RANKID");
  const char *node = getenv("PALS_NODEID");
  const char *local = getenv("PALS_LOCAL_RANKID");
  if (!local && getenv("SLURM_STEP_ID") && same(rank, getenv("SLURM_PROCID")))
    local = getenv("SLURM_LOCALID");
  if (!application || !is_number(rank) || !is_number(node) || !is_number(local)) return;
  if (getenv("PMI_FD") || getenv("PMI_PORT") || getenv("SLURM_HET_SIZE")) return;
  place->step = print_text("pals %s", application);
  place->node = node;
  place->rank = rank;
  place->rank_variable = "PALS_RANKID";
  place->follows = !same(local, "0");
  place->is_deputy = same(rank, "1") && same(getenv("SLURM_STEP_NUM_NODES"), "1");
}

/* Our own launcher's ranks: it has told each which of its runs this is. */
static void find_embedded(struct place *place) {
  const char *launcher = getenv(EMBEDDED);
  const char *rank = getenv("PMI_RANK");
  if (!launcher || !is_number(rank)) return;
  place->step = print_text("embedded %s", launcher);
  place->node = "0";
  place->rank = rank;
  place->rank_variable = "PMI_RANK";
  place->follows = !same(rank, "0");
  place->is_deputy = same(rank, "1");
}

struct place find_place(const struct command_line *line) {
  struct place place = {0};
  const char *launcher = setting(line, OPTION_LAUNCHER);
  bool is_rank = false;
  for (const char *const *variable = RANK_VARIABLES; *variable; variable++)
    if (getenv(*variable)) is_rank = true;
  if (launcher) {
    if (strcmp(launcher, "slurm") == 0) find_slurm(&place);
  } else if (getenv(EMBEDDED)) {
    find_embedded(&place);
  } else if (getenv("PALS_APINFO") && getenv("PALS_RANKID")) {
    find_pals(&place);
  } else if (getenv("SLURM_PROCID")) {
    find_slurm(&place);
  } else {
    place.is_alone = !is_rank;
  }
  return place;
}
