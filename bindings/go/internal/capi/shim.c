#include "shim.h"

char *capi_last_error(void)
{
    size_t length = tidegate_last_error(NULL, 0);
    char *message = malloc(length + 1);
    if (message != NULL) {
        tidegate_last_error(message, length + 1);
        message[length] = '\0';
    }
    return message;
}
