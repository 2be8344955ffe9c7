#!/bin/bash
# Apptainer around each rank, under Slurm: sbatch apptainer.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
# The container sees the node's own memory and the launcher's variables.
srun apptainer exec --bind /dev/shm,/run/munge,"$SCRATCH" "$SCRATCH/image.sif" python-mpi hello.py
