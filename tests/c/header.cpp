// header.cpp: the header as a C++ program sees it.
#include "tidegate.h"

#include <cstdio>
#include <string>
#include <vector>

static_assert(sizeof(tidegate_counter) == sizeof(uint64_t), "an id is one word");

static std::string render(const tidegate_snapshot *snapshot, uint32_t format)
{
    std::size_t length = 0;
    if (tidegate_snapshot_render(snapshot, format, nullptr, 0, &length) != TIDEGATE_OK) {
        return {};
    }
    std::vector<char> text(length);
    if (tidegate_snapshot_render(snapshot, format, text.data(), length, &length) != TIDEGATE_OK) {
        return {};
    }
    return {text.begin(), text.end()};
}

int main()
{
    tidegate_engine *engine = nullptr;
    tidegate_counter requests{};
    tidegate_snapshot *snapshot = nullptr;
    bool good = tidegate_engine_open(nullptr, &engine) == TIDEGATE_OK &&
                tidegate_counter_open(engine, "requests", nullptr, &requests) == TIDEGATE_OK &&
                tidegate_counter_add(engine, requests, 3) == TIDEGATE_OK &&
                tidegate_snapshot_take(engine, &snapshot) == TIDEGATE_OK;
    if (good) {
        good = render(snapshot, TIDEGATE_FORMAT_PROMETHEUS).find("\nrequests") != std::string::npos;
    }
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
    if (!good) {
        std::fputs("header.cpp: three requests did not show in Prometheus' text\n", stderr);
    }
    return good ? 0 : 1;
}
