#!/bin/bash
# PBS with PALS on a Cray EX: qsub pals.sh
#PBS -l select=2:ncpus=64:mpiprocs=2 -l walltime=00:10:00
set -eu
cd "$PBS_O_WORKDIR"
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
# Needed where PALS gives its ranks no PMI_SHARED_SECRET.
PYTHON_MPI_SECRET=$(openssl rand -hex 32)
export PYTHON_MPI_SECRET
mpiexec -n 4 --ppn 2 python-mpi hello.py
