#!/bin/bash
# LSF with jsrun: bsub lsf.sh
#BSUB -nnodes 2 -W 10
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
jsrun -n 4 -r 2 python-mpi hello.py
