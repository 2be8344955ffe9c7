#!/bin/bash
# mpi4py.futures, the first rank of which hands out work: sbatch mpi4py-futures.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
srun --mpi=pmi2 python-mpi -m mpi4py.futures work.py
