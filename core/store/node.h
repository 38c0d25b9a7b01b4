/*
 * Identity: a node is a row of the tree and the object it belongs to. Its inode
 * number is made of both, so it is unique for ever and needs no table. Numbers
 * of rows are permanent: never change or reuse one. Objects that stand in a
 * fixed directory have the number of its row for a parent.
 */
#ifndef PRIMO_NODE_H
#define PRIMO_NODE_H

#include <stdint.h>

enum tree_no {
    TREE_ROOT = 1,
    TREE_README,
    TREE_OVERVIEW,
    TREE_ERRORS,
    TREE_EVENTS,
    TREE_TEMPLATE_EXAMPLE,
    TREE_TEMPLATES = 16,
    TREE_MACHINES,
    TREE_PROCESSES,
    TREE_MODELS,
    TREE_TYPES,
    TREE_BASES,
    TREE_ROLES,
    TREE_TEMPLATE = 32,
    TREE_MACHINE,
    TREE_TYPE,
    TREE_BASE,
    TREE_ROLE,
    TREE_PROCESS = 48,
    TREE_P_TEMPLATE,
    TREE_P_START,
    TREE_P_STOP,
    TREE_P_RESUME,
    TREE_P_ENABLED,
    TREE_P_STATUS,
    TREE_P_WAIT,
    TREE_P_PROGRESS,
    TREE_P_ETA,
    TREE_P_INFO,
    TREE_P_METRICS,
    TREE_P_MONITOR_SVG,
    TREE_P_MONITOR_HTML,
    TREE_P_CONFIG,
    TREE_P_DATASET,
    TREE_P_LOG,
    TREE_P_MODEL,
    TREE_FAMILY = 96,
    TREE_LATEST,
    TREE_VERSION = 112,
    TREE_V_ONNX,
    TREE_V_SAFETENSORS,
    TREE_V_LABELS,
    TREE_V_INFO,
    TREE_V_METRICS,
    TREE_V_MONITOR_SVG,
    TREE_V_CONFIG,
    TREE_V_DATASET,
    TREE_V_TEMPLATE,
    TREE_V_LOG,
};

struct node {
    enum tree_no no;
    uint64_t object; /* 0 for what stands at the root */
};

static inline uint64_t tree_inode(uint64_t object, unsigned no)
{
    return object << 8 | no;
}

#endif
